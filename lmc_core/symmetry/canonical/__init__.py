"""The canonical form of a network: what its symmetries above permutation leave open, settled without any change of the
function."""
