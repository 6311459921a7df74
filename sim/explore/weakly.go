package explore

import (
	"errors"
	"fmt"

	"trapline/sim/memory"
)

// memory is the memory model of a search.
func (s *search) memory() memory.Model {
	if s.machine == nil {
		return s.options.Memory
	}
	return s.machine.Memory
}

// weak says whether that is another one than SC.
func (s *search) weak() bool { return s.memory() != memory.SC }

// weakly checks that a search can be made under its memory model.
func (s *search) weakly() error {
	o := &s.options
	switch {
	case !s.weak():
	case o.Strategy != DPOR && !sampled(o.Strategy):
		return fmt.Errorf("explore: the strategy %s goes by the steps that conflict, and so only under %v: %w", o.Strategy, memory.SC, errors.ErrUnsupported)
	case o.Strategy == DPOR && o.LockAware:
		return fmt.Errorf("explore: a search under %v is not aware of locks: %w", s.memory(), errors.ErrUnsupported)
	}
	s.result.Memory = s.memory()
	return nil
}
