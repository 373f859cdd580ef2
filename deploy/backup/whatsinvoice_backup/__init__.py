"""Backups of every service's schema and of the documents, encrypted before they leave; and the proof that they restore.

A backup is a folder `backups/<name>/` in a second bucket: a dump for each service, the list of the documents' versions,
and, written last, a signed manifest that holds the hash of everything else. Documents themselves lie once each under
`objects/`, whichever backups name them.
"""
