"""The whole system on one machine, without Docker or root: started, watched, stopped, and shown in a demonstration.

Everything it knows is in one folder, `.run/`; nothing of it listens beyond 127.0.0.1. Linux only.
"""
