"""The parts of the interop suite; run.py one folder up strings them together."""
