"""Line art out of photos, as the real service would make it."""
