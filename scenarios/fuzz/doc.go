// Package fuzz runs drawn programs on a design under drawn schedules, keeps those that
// show interleavings that none has shown before and draws from these, counts what goes
// wrong by title, and makes each example as small as it gets. It runs on the host, and
// chance comes from a seed.
package fuzz
