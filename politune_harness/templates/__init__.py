"""What `politune new-plugin` writes, a module and its test for each kind of plugin.

They are ordinary modules, checked with the rest; `Example` and `example` stand for the name.
"""
