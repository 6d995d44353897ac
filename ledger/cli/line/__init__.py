"""How a command line begins and ends: who acts, in which region, the answer as text or JSON, the exit code."""
