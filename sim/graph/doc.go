// Package graph holds execution graphs that grow event by event, and says which
// choices a memory model leaves: from which stores a load may read, and at which
// places a store may enter the coherence order.
//
// It is what package sim asks when a machine has a model other than sequential
// consistency. Package memory explores small programs with the same models, on graphs
// of at most 64 events whose tasks it knows beforehand; here neither is known, so
// events are numbered as they come and a set of them is as wide as it has to be. The
// models are therefore written down twice; the two are held to each other by laws over
// random programs (package explore).
//
// # Why an option is always left
//
// A load that reads the last store in coherence order, and a store that becomes the
// last, have no edge that leads out of them. So they close no cycle, and need not be
// checked. The exception is an event in a read-side critical section: it comes before
// the end of its section, and a grace period may not lie between. There a load has to
// read something older.
//
// # Dependencies
//
// What a task computes from what it has read is not known. So every store is taken to
// depend on every earlier load of its task, and every access on every earlier load of
// a pointer. That forbids what the model would allow of code without such
// dependencies, and never allows what it forbids.
package graph
