"""A hub for one laptop: the wire protocol of the Hugging Face hub, with files on disk.

`python -m hub local` starts it; tests start it on a free port with `hub.local.serving.running_hub`. The real clients
(huggingface_hub, Keras' hf://, datasets, evaluate) talk to it as they do to the real hub, and it never asks which one
is talking. What the clients are not told about here is left out: pull requests, discussions, likes, Xet storage,
the pages of the web site, running Spaces, copies of large files from one repository to another, .gitignore rules on the server's side.

    names     what a repository, a branch and a file may be called
    accounts  who owns a token, and what that user may do
    store     repositories, commits and files on disk
    changes   makes commits
    wire      the body of a commit, as clients send it
    cards     the front matter of a README
    described what the hub tells about repositories, commits and files
    calls     one request: who asks, for which repository
    repositories, files, history, uploads   what it answers, one function for each route
    serving   starts and stops it
"""
