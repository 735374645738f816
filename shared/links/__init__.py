"""Links of both formats at work: what can be done with a link's keys, wherever those are held."""
