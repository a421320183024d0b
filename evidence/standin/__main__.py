"""``python3 -m evidence.standin`` runs the stand-in."""

from .server import main

if __name__ == "__main__":
    main()
