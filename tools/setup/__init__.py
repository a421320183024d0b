"""What the program needs on a machine: Python packages, Docker, Pulumi, images.

Installation plumbing, run with the system's Python before anything is installed; standard library
only. The program itself imports nothing from here. README.md says what ends up where.
"""
