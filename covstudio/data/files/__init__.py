"""The formats that are read, one file each, which registers a `covstudio.data.readers.Reader`."""
