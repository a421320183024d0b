"""`bluegreen`: one command per intent, over the same program and stack files as `pulumi`.

It adds comfort, never correctness: plain `pulumi up` does the same release.
"""
