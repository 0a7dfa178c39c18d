"""Recurrent kernels of one layer and one direction: one group on two axes of one matrix."""

from lmc_core.operators import Kind
from lmc_core.symmetry._solver.call import Call, Result, Rule, Unsupported
from lmc_core.symmetry._solver.terms import Term, dual, limit, pin, pinned, release
from lmc_core.symmetry._solver.unify import cut, unify
from lmc_core.symmetry._solver.values import Value

STEP = "positions in time"

_LEFT: dict[str, Kind] = {"rnn_tanh": "signed", "rnn_relu": "scaled"}
"""Kernel without gates → the class its non-linearity leaves; gates multiply units and see each."""


def recurrence(call: Call) -> Result:
    """Every gate block of every weight and bias is h; weight_hh reads h; initial states share h."""
    x = call.need("input")
    states = call.take_list("hx") if isinstance(call["hx"], list | tuple) else [call.need("hx")]
    params = call.take_list("params")
    if call["num_layers"] != 1 or call["bidirectional"]:
        raise Unsupported("several layers or directions in one call")
    gates = {"lstm": 4, "gru": 3}.get(call.op, 1)
    biased = bool(call["has_biases"])
    weight_ih, weight_hh = params[:2]
    biases = params[2:4] if biased else []
    projections = params[4:] if biased else params[2:]
    size = weight_ih.shape[0] // gates

    hidden: Term = cut(weight_ih.axes[0], [size] * gates)[0]
    for block in (weight_ih, weight_hh, *biases):
        for gate in cut(block.axes[0], [size] * gates):
            unify(hidden, gate)
        call.writes(block, 0)
    emitted = hidden
    if projections:
        emitted = projections[0].axes[0]
        unify(projections[0].axes[1], dual(hidden))
        call.writes(projections[0], 0)
        call.reads(projections[0], 1)
    unify(weight_ih.axes[1], dual(x.axes[-1]))
    unify(weight_hh.axes[1], dual(emitted))
    limit(hidden, _LEFT.get(call.op, "permutation"))
    call.reads(weight_ih, 1)
    call.reads(weight_hh, 1)
    call.reads(x, x.ndim - 1)
    for number, state in enumerate(states):
        unify(state.axes[-1], emitted if number == 0 else hidden)
        call.writes(state, state.ndim - 1)

    time, batch = (1, 0) if call["batch_first"] else (0, 1)
    pin(x.axes[time], STEP)
    call.limit(x, batch, "permutation")
    for state in states:
        unify(state.axes[-2], x.axes[batch])
    release([x.axes[time], x.axes[-1]], [x.axes[batch], hidden, emitted])

    sequence = Value((*x.axes[:-1], emitted))
    name = call.names[0] or call.name
    options = {"batch_first": bool(call["batch_first"]), "gates": gates}
    bias_ih, bias_hh = biases or (None, None)
    call.use("recurrent-input", weight_ih, 1, 0, x, bias_ih, output=name, **options)
    if call.names[0] is not None:
        after = Value(sequence.axes, name=name, data=x.data)
        call.use("recurrent-hidden", weight_hh, 1, 0, after, bias_hh, output=name, **options)
        call.reads(after, after.ndim - 1)
    ends = [Value((pinned(1, STEP), x.axes[batch], units)) for _, units in zip(states, (emitted, hidden), strict=False)]
    return [sequence, *ends]


def cell(call: Call) -> Result:
    """One step of a recurrent cell."""
    x = call.need("input")
    states = call.take_list("hx") if isinstance(call["hx"], list | tuple) else [call.need("hx")]
    weight_ih, weight_hh = call.need("w_ih"), call.need("w_hh")
    biases = [b for b in (call.take("b_ih"), call.take("b_hh")) if b is not None]
    gates = {"lstm_cell": 4, "gru_cell": 3}.get(call.op, 1)
    size = weight_ih.shape[0] // gates
    hidden: Term = cut(weight_ih.axes[0], [size] * gates)[0]
    for block in (weight_ih, weight_hh, *biases):
        for gate in cut(block.axes[0], [size] * gates):
            unify(hidden, gate)
        call.writes(block, 0)
    unify(weight_ih.axes[1], dual(x.axes[-1]))
    unify(weight_hh.axes[1], dual(hidden))
    limit(hidden, _LEFT.get(call.op.removesuffix("_cell"), "permutation"))
    call.reads(weight_ih, 1)
    call.reads(weight_hh, 1)
    call.reads(x, x.ndim - 1)
    for number, state in enumerate(states):
        unify(state.axes[-1], hidden)
        if number == 0:
            call.reads(state, state.ndim - 1)
        else:
            call.writes(state, state.ndim - 1)
        for axis in range(state.ndim - 1):
            unify(state.axes[axis], x.axes[axis])
    release([x.axes[-1]], x.axes[:-1])
    for axis in range(x.ndim - 1):
        call.limit(x, axis, "permutation")
    name = call.names[0] or call.name
    call.use("linear", weight_ih, 1, 0, x, biases[0] if biases else None, output=name, gates=gates)
    call.use("linear", weight_hh, 1, 0, states[0], biases[1] if biases else None, output=name, gates=gates)
    made = Value((*x.axes[:-1], hidden))
    return [made for _ in call.shapes] if len(call.shapes) > 1 else made


RULES: tuple[Rule, ...] = (recurrence, cell)
