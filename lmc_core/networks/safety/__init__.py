"""Files of strangers, read as data before anything opens them; nothing here imports torch or runs what a file names.

sniff       what a file is, from its first bytes
archive     zip archives without compression, overlaps, duplicates or paths that leave the archive
pickles     pickles as plain values: no class is looked up, no function called
torchfile   what torch.save wrote: which tensors, where their numbers lie, whether they fit
tensorfile  the header of a .safetensors file
shards      which files hold a network that was saved in several
reasons     why something is not read, and the mend that works
operators, expressions, graph, payloads, programfile  what torch.export.save wrote
"""
