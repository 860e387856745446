"""Speech: sound in plain bytes, and the detection of where the user begins and ends to speak."""
