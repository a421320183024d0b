"""How an edge follows the others, when there are several.

A switch is confirmed on one edge first, and then on the rest. An edge that misses that, since it
was down or the driver of the switch died just then, takes the confirmed config of a higher
generation from whichever edge has it. Without being told by anybody: each looks every second.

A switch is confirmed by `edges_required` edges. One that starts has therefore seen what is live
once it has seen so many edges, itself among them, that one of any such group is in it; until
then it serves nobody. See docs/decisions/007; nginx/peers.sh and nginx/start-among-several.sh do
it, inside the edge.
"""

PEER_PORT = 8010  # where each gives its confirmed config to the others
CLAIM_SECONDS = 120  # longer than a switch takes from its claim to its trial
