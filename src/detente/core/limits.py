"""Every bound of the protocol: value, unit in the name, reason. Same list: spec/registry.md."""

MEMBERS_MAX = 32  # member numbers of one line, for ever; an audience mask stays under 5 bytes
INCARNATIONS_MAX = 16  # log and holds key pairs listed in one card
LEAF_BYTES_MAX = 4096  # well under C2SP's 65,535; a leaf is a header, never content
SEEN_MAX = 64  # other logs one leaf may name: 32 members, some of them restored
REFS_MAX = 32  # other entries one leaf may name
EXTRA_BYTES_MAX = 1536  # fields of a kind that has no body; a resume names 16 predecessors
BODY_BYTES_MAX = 65_536  # padded and compressed; 200 words are about 1,200
PLAIN_BYTES_MAX = 262_144  # decompressed; a body that opens to more is unreadable
CHARTER_BYTES_MAX = 16_384  # 32 members at about 300 bytes each, and the rules
CARD_BYTES_MAX = 16_384  # two 1,312-byte keys in base64, 16 pairs, 8 addresses
NOTE_SIGNATURES_MAX = 16  # C2SP signed-note: at least 16 must be accepted
PROOF_HASHES_MAX = 63  # a Merkle path in a tree of less than 2**63 leaves
BATCH_ENTRIES_MAX = 512  # entries under one signature: a second of the fastest bearer
BATCH_BYTES_MAX = 524_288  # bytes of one batch of entries; bounds memory per frame
FRAME_BYTES_MAX = 655_360  # one frame: a batch and its signature, with room
WINDOW_ENTRIES_MAX = 512  # entries signed but confirmed by no reader yet
HELD_AHEAD_MAX = 64  # overtaking entries kept per log while its gap is open
HEADS_MAX = 64  # logs named in one hello
LINKS_PER_PEER_MAX = 4  # bearers to one peer at the same time
BAD_FRAMES_MAX = 8  # refused frames on one link before it is closed
CHANNELS_REFUSED_MAX = (
    64  # on one link whose hello was refused; more than the lines of most parties
)
OUTBOX_ENTRIES_MAX = 100_000  # messages waiting to be sequenced, per line
SUBJECT_CHARS_MAX = 200  # one line on every screen
NAME_CHARS_MAX = 80  # a party's display name, a line's title
BEARERS_MAX = 8  # addresses in one card
CLOCK_ERROR_UNKNOWN_S = 65_535  # stated when nobody knows
PQ_WITHIN_S = 60  # an author's ML-DSA signature follows an entry on a wide bearer
PQ_QUIET_S = (
    3600  # and on a narrow one when its log has rested for so long: four minutes of a radio
)
COSIGN_WITHIN_S = 60  # the cosignature that follows an immediate `seen`
PRESENCE_EVERY_S = 30  # heartbeat frames
PRESENCE_LEASE_S = 95  # three missed heartbeats and a little
RECEIVE_ONLY_S_MAX = 604_800  # for how long one announcement of it excuses: a week
PRESENCE_SLOW_EVERY_S = 60  # on a link of less than SLOW_BITS_PER_S, where one takes up to four s
PRESENCE_SLOW_LEASE_S = 190  # there
SLOW_BITS_PER_S = 600
RELAY_AFTER_S = 5  # a third party's log is asked of another member after this
ASK_AGAIN_S_MAX = 320  # between two askings for what does not come: 64 times the first wait
LACKED_EVERY_S = 600  # bodies that a `lacks` names are asked for again
FORK_PROBES_MAX = 64  # questions asked to find where two heads of one log part
ACCUSATIONS_MAX = 8  # proofs against one log that our logs enter; the last freezes all of it
ATTACHMENTS_MAX = 8  # of one entry
ATTACHED_BYTES_MAX = 16_777_216  # all attachments of one entry: sealed in memory, and one commit
CHUNK_BYTES = 1024  # of a file, before it is sealed: two minutes of a 75 bit/s bearer
RUN_CHUNKS_MAX = 64  # in one frame on a wide bearer; on a narrow one it is 1
ATTACHED_OPEN_MAX = 256  # entries of one author whose attachments are still on their way
