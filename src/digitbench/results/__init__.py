"""Files under metrics/ and studies/, each with a typed record that writes and reads it."""
