"""What Docker, and not the program, decides of things that are there."""

# A volume that is there already is taken as it is, with whatever driver or disk it was made for:
# what the provider reads back of these would else replace it, and the edge with it.
OWN_VOLUME = ["driver", "driverOpts", "labels"]
# What would replace a container, or is told by Docker otherwise than it was said.
OWN_CONTAINER = (
    "image command entrypoints envs uploads volumes ports memory memorySwap cpus user labels "
    "networkMode networksAdvanced restart logDriver logOpts stopSignal tmpfs ulimits"
).split()
OWN_IMAGE = ["name", "build"]
# The holder of an edge's ports stays what it was made as, whatever nginx runs in its network.
OWN_HOLDER = ["image", "entrypoints", "sysctls"]
