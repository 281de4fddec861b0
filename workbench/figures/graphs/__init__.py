"""Attribution graphs: as one figure, and as a page in which a click on a node shows everything about it."""
