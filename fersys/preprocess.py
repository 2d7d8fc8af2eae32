"""The only geometry between a face crop and our CNN.

Training reads FER2013 pixels as they are; this is the identity on them, which one test holds.
Scaling and standardisation are layers inside the saved model.
"""

import cv2
import numpy as np

from fersys.images import check_image
from fersys.results import Image

INPUT_SIZE = 48


def to_model_input(crop: Image) -> Image:
    """Turn a face crop into what the network takes.

    Args:
        crop: RGB uint8 (H, W, 3), best square.

    Returns:
        gray uint8 (48, 48, 1): luma of BT.601, shrunk by area averaging or enlarged linearly.

    Raises:
        ImageError: if the crop is not an RGB uint8 image.
    """
    check_image(crop)
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if gray.shape != (INPUT_SIZE, INPUT_SIZE):
        shrinks = min(gray.shape) > INPUT_SIZE
        gray = cv2.resize(gray, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(gray[..., None], dtype=np.uint8)
