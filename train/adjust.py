"""What a trained network says of validation images, and the logit adjustment that is chosen there."""

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from fersys.labels import EMOTIONS
from train.batches import centre, equalized
from train.calibrate import choose_tau, class_priors
from train.config import FitConfig
from train.data import Split


def probabilities_of(network: keras.Model, config: FitConfig, split: Split) -> npt.NDArray[np.float32]:
    """Return what the network says of the plain centre views of a split, float32 (n, 7)."""
    images = equalized(split.images) if config.equalize else split.images
    views = centre(images, config.window, config.window)[..., None].astype(np.float32)
    parts = [network.predict_on_batch(views[i : i + config.batch_size]) for i in range(0, len(views), config.batch_size)]
    return np.asarray(softmax(np.concatenate([np.empty((0, len(EMOTIONS))), *parts]), axis=1), dtype=np.float32)


def lift_rare_classes(network: keras.Model, config: FitConfig, fit_split: Split, validation: Split) -> float:
    """Choose tau on validation, put −tau · log prior into the last layer's bias, and return tau."""
    priors = class_priors(fit_split.labels)
    tau = choose_tau(probabilities_of(network, config, validation), validation.labels, priors)
    shift_logits(network, -tau * np.log(priors))
    return tau


def shift_logits(network: keras.Model, shift: npt.NDArray[np.float64]) -> None:
    """Add float64 (7,) to the bias of the last layer."""
    layer = network.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + shift.astype(bias.dtype)])
