"""The fault matrix: releases that are hit by every fault there is a name for, under load.

A row is green when old or new color served throughout, no acknowledged write was lost, and the
same command converged afterwards, or `bluegreen recover` and the same command.
"""
