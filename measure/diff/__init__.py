"""Explaining why two measurements differ: from the value down to single attributes, with causes and cures."""
