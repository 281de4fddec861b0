"""Attribution graphs over the features that are active on a prompt."""
