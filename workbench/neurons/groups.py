"""Groups of neurons: read, and random ones of the same layers."""

from functools import partial

from workbench.results import groups as units

read_groups = partial(units.read_groups, unit="neuron", share=0.01)
random_groups = partial(units.random_groups, unit="neuron")
