"""A corpus of hostile and of odd but right model files, made from nothing but these files. `build.py` says what a case is,
`measure.py` runs one; the other files hold the cases, by what they attack."""
