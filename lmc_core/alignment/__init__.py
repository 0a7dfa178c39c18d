"""One mechanism for a pair of networks and for many: every model is coupled with a template; a pair's template is A.

Files read best from below, each using those before it:

    method      what a method says about itself            coupling    how the units of one group correspond
    result      what a method found                        solve       a cost becomes a permutation or a plan
    blocks      a group with those nested in it; its cost  meetings    where groups meet a tensor
    transport   a state carried by couplings               template    the common frame of several networks
    problem     models, template, data, seed               positions   the vectors that a weight meets
    responses   what units answer to examples              moments     second moments of vectors and of responses
    distance    how far units are from each other          terms       what of two tensors is compared
    objective   F(P), its gradient for one block           structure, heads    objectives of relations and of circuits
    soften      soft permutations by gradients             sweeps      block after block until none moves
    relaxed     all blocks at once, over plans             passes      layer after layer, by transport problems
    alignment   the public result for a pair
"""
