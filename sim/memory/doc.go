// Package memory explores small programs exhaustively under a memory model: SC,
// TSO, or the Linux-kernel memory model.
//
// It works on execution graphs: the events of every task in program order, which
// store each load reads from (rf) and the order of the stores to each location
// (co). A model is a predicate on graphs that, once violated, stays violated as
// the graph grows. The explorer builds graphs event by event; a load branches over
// the stores that are present, and over waiting for one that is not there yet; a
// store branches over the places in the coherence order of its location. Every
// complete consistent graph is visited exactly once.
//
// The relations of the Linux-kernel model are those published by Alglave, Maranget,
// McKenney, Parri and Stern (ASPLOS 2018) and in the kernel's
// tools/memory-model/Documentation/explanation.txt, and bear their names.
//
// The package runs on the host. A Task is Go code that is called again and again
// with different values returned by its loads.
package memory
