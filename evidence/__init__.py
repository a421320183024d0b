"""What proves the program: load, benchmark, faults, data, the lab they run in, the demo."""
