"""Finds images that stand in FER2013 more than once, and takes them out of the training split.

Exact twins share all pixels. Near twins correlate above `NEAR` (re-scaled, re-compressed or
slightly shifted copies). The rule of the clean-up: a Training image with a twin in validation
or test goes; of each remaining group one image stays; groups with conflicting labels go.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from train.sources import SPLITS, Records

NEAR = 0.96
_COARSE_NEAR = 0.94
_BLOCK = 512  # images compared at a time: bounds the memory

Pairs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Twins:
    """Which images are copies of one another.

    Attributes:
        exact: int64 (n,), group number of images with equal pixels.
        near: int64 (n,), group number of images linked by equal pixels or a correlation > `NEAR`.
    """

    exact: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]


def find_twins(images: npt.NDArray[np.uint8]) -> Twins:
    """Group the exact and the near twins among uint8 (n, h, w) images."""
    exact = _exact_groups(images)
    first = np.unique(exact, return_index=True)[1]
    pairs = first[_near_pairs(images[first])]
    return Twins(exact, _connect(exact, pairs))


def _exact_groups(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    return np.unique(np.array(digests, dtype="S32"), return_inverse=True)[1].astype(np.int64)


def _near_pairs(images: npt.NDArray[np.uint8]) -> Pairs:
    """Index pairs (m, 2) with correlation > `NEAR`: candidates at a quarter of the size, then all pixels."""
    count, height, width = images.shape
    fine = images.reshape(count, -1)
    coarse = images.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    candidates = np.concatenate([np.empty((0, 2), np.int64), *_above(_standardised(coarse.reshape(count, -1)))])
    left, right = (_standardised(fine[candidates[:, side]].astype(np.float32)) for side in (0, 1))
    return np.asarray(candidates[np.sum(left * right, axis=1) > NEAR], dtype=np.int64)


def _standardised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows with mean 0 and length 1, so that a product of two is their correlation."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(length, 1e-6), dtype=np.float32)


def _above(vectors: npt.NDArray[np.float32]) -> Iterator[Pairs]:
    for start in range(0, len(vectors), _BLOCK):
        products = vectors[start : start + _BLOCK] @ vectors[start:].T
        left, right = np.nonzero(np.triu(products > _COARSE_NEAR, k=1))
        yield np.stack([left, right], axis=1) + start


def _connect(exact: npt.NDArray[np.int64], pairs: Pairs) -> npt.NDArray[np.int64]:
    groups = int(exact.max()) + 1
    left, right = exact[pairs[:, 0]], exact[pairs[:, 1]]
    graph = coo_matrix((np.ones(len(pairs)), (left, right)), shape=(groups, groups))
    return np.asarray(connected_components(graph, directed=False)[1][exact], dtype=np.int64)


def has_twin(groups: npt.NDArray[np.int64], among: Mask) -> Mask:
    """Return for each image whether its group has a member in `among`, bool (n,)."""
    return np.isin(groups, groups[among])


def conflicting(groups: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Mask:
    """Return for each image whether its group carries more than one label, bool (n,)."""
    kinds = np.unique(np.stack([groups, labels]), axis=1)[0]
    names, counts = np.unique(kinds, return_counts=True)
    return np.isin(groups, names[counts > 1])


def clean_training(records: Records, twins: Twins) -> tuple[Mask, dict[str, int]]:
    """Choose the Training images that may be fitted on.

    Returns:
        bool (n,), true for the Training images that stay, and what was removed by which rule.
    """
    training = records.splits == "train"
    leaked = training & has_twin(twins.near, ~training)
    left = training & ~leaked
    disputed = np.zeros_like(left)
    disputed[left] = conflicting(twins.near[left], records.labels[left])
    left &= ~disputed
    kept = np.zeros_like(left)
    kept[np.nonzero(left)[0][np.unique(twins.near[left], return_index=True)[1]]] = True
    removed = {
        "twin_in_validation_or_test": int(leaked.sum()),
        "conflicting_labels": int(disputed.sum()),
        "repeated": int(left.sum() - kept.sum()),
        "kept": int(kept.sum()),
    }
    return kept, removed


def audit(records: Records, twins: Twins) -> dict[str, int]:
    """Count the twins within and across the official splits."""
    found: dict[str, int] = {}
    masks = {split: records.splits == split for split in SPLITS}
    for kind, groups in (("exact", twins.exact), ("near", twins.near)):
        found[f"{kind}_redundant"] = len(groups) - len(np.unique(groups))
        found[f"{kind}_groups_with_conflicting_labels"] = len(np.unique(groups[conflicting(groups, records.labels)]))
        found[f"validation_with_{kind}_twin_in_train"] = int(has_twin(groups, masks["train"])[masks["validation"]].sum())
        found[f"test_with_{kind}_twin_in_train"] = int(has_twin(groups, masks["train"])[masks["test"]].sum())
        found[f"test_with_{kind}_twin_in_validation"] = int(has_twin(groups, masks["validation"])[masks["test"]].sum())
    return found
