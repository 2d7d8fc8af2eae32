"""Fused batch normalisation does what Keras' own layer does."""

import keras
import numpy as np
import pytest

from train.norm import FusedBatchNormalization

SHAPES = [(6, 5, 4, 3), (32, 3)]


def inputs(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * 3 + 5).astype(np.float32)


def pair(shape: tuple[int, ...]) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Keras' layer and the fused one, with the same random weights."""
    layers = keras.layers.BatchNormalization(), FusedBatchNormalization()
    random = np.random.default_rng(1)
    weights = [random.uniform(0.5, 2, shape[-1]).astype(np.float32) for _ in range(4)]
    for layer in layers:
        layer.build(shape)
        layer.set_weights(weights)
    return layers


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_those_of_keras(shape: tuple[int, ...], training: bool) -> None:
    plain, fused = (keras.ops.convert_to_numpy(layer(inputs(shape), training=training)) for layer in pair(shape))
    assert fused.shape == shape
    np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_moving_mean_is_that_of_keras(shape: tuple[int, ...]) -> None:
    plain, fused = pair(shape)
    for seed in range(3):
        plain(inputs(shape, seed), training=True)
        fused(inputs(shape, seed), training=True)
    np.testing.assert_allclose(fused.moving_mean, plain.moving_mean, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_moving_variance_is_that_of_keras_but_unbiased(shape: tuple[int, ...]) -> None:
    """The fused kernel divides by n − 1, Keras by n: values of one channel in a batch."""
    plain, fused = pair(shape)
    before = np.asarray(fused.moving_variance)
    plain(inputs(shape), training=True)
    fused(inputs(shape), training=True)
    count = np.prod(shape[:-1])
    step = (np.asarray(plain.moving_variance) - 0.99 * before) * count / (count - 1)
    np.testing.assert_allclose(fused.moving_variance, 0.99 * before + step, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_moves_outside_training(shape: tuple[int, ...]) -> None:
    _, fused = pair(shape)
    before = fused.get_weights()
    fused(inputs(shape), training=False)
    for old, new in zip(before, fused.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_keras(shape: tuple[int, ...]) -> None:
    import tensorflow as tf

    x, weight = tf.constant(inputs(shape)), tf.constant(inputs(shape, 9))
    found = []
    for layer in pair(shape):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) * weight)
        found.append(tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))
    for plain, fused in zip(*found, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-3, atol=1e-3)


def test_weights_go_into_a_keras_network() -> None:
    views = inputs((2, 4, 4, 3))
    networks = [keras.Sequential([keras.Input((4, 4, 3)), layer]) for layer in (FusedBatchNormalization(), keras.layers.BatchNormalization())]
    networks[0].layers[0].set_weights([np.full(3, value, np.float32) for value in (2, 1, 5, 9)])
    networks[1].set_weights(networks[0].get_weights())
    np.testing.assert_allclose(networks[1](views), networks[0](views), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32"])
def test_outputs_have_the_type_of_the_policy_and_weights_are_float32(policy: str) -> None:
    layer = FusedBatchNormalization(dtype=policy)
    y = layer(inputs((4, 3, 3, 2)), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.weights} == {"float32"}
