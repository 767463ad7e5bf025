"""Trees: the known vectors of certificate-transparency-go (merkle_verifier_test.go), and what holds for every tree."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.audit.merkle import Tree, verify_consistency
from workstation.services.audit.offline import Frontier, Refuted, leaf_hash, root_by

LEAVES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
#: leaf, size, path
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
#: old size, size, proof
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def grown(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree


def test_the_known_roots() -> None:
    tree, edge = Tree(), Frontier()
    assert tree.root().hex() == edge.root.hex() == EMPTY
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.add(leaf)
        edge.add(leaf_hash(leaf))
        assert tree.root().hex() == edge.root.hex() == root
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_known_paths(index: int, size: int, path: list[str]) -> None:
    steps = grown(LEAVES).inclusion(index, size)
    assert [step.hex() for step in steps] == path
    assert root_by(index, size, leaf_hash(LEAVES[index]), steps).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_the_known_consistency_proofs(old: int, size: int, proof: list[str]) -> None:
    steps = grown(LEAVES).consistency(old, size)
    assert [step.hex() for step in steps] == proof
    verify_consistency(old, size, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[size - 1]), steps)


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
@settings(max_examples=60, deadline=None)
def test_a_path_leads_to_its_root_and_nothing_else_does(where: tuple[int, int]) -> None:
    size, index = where
    tree = grown([b"%d" % n for n in range(size)])
    leaf, path, root = leaf_hash(b"%d" % index), tree.inclusion(index), tree.root()
    assert root_by(index, size, leaf, path) == root
    for wrong in (path[1:], [*path, root], [*path[:-1], hashlib.sha256().digest()]):
        assert wrong == path or not leads(index, size, leaf, wrong, root)
    assert not leads(index, size, leaf_hash(b"other"), path, root)
    for other in (index + 1, index ^ 2, size, -1):
        assert not leads(other, size, leaf, path, root)


def leads(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    try:
        return root_by(index, size, leaf, path) == root
    except Refuted:
        return False


@given(st.integers(0, 70).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_a_tree_goes_on_from_what_it_was_and_from_nothing_else(sizes: tuple[int, int]) -> None:
    old, size = sizes
    tree = grown([b"%d" % n for n in range(size)])
    other = grown([b"x%d" % n for n in range(size)])
    proof = tree.consistency(old)
    verify_consistency(old, size, tree.root(old), tree.root(), proof)
    wrongs = [(old, size, other.root(old), tree.root(), proof), (old, size, tree.root(old), other.root(), proof)]
    wrongs += [(old, size, tree.root(old), tree.root(), [*proof, tree.root()]), (size + 1, size, b"", b"", [])]
    if 0 < old < size:
        wrongs += [(old, size, tree.root(old), tree.root(), proof[:-1]), (old, size, tree.root(old), tree.root(), [])]
        wrongs += [(old, size, tree.root(old), tree.root(), [hashlib.sha256().digest(), *proof[1:]])]
    for wrong in wrongs:
        if wrong[0] == 0 and not wrong[4]:
            continue  # from nothing, everything goes on
        if wrong[0] == size == 0:
            continue
        with pytest.raises(Refuted):
            verify_consistency(*wrong)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    tree = grown(LEAVES)
    for index, size in ((8, 8), (0, 9), (-1, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(index, size)
    with pytest.raises(ValueError, match="leaves"):
        tree.consistency(9)
