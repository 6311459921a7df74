package explore

func (s *search) progress() {
	if s.options.Progress != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.guess(guesses)
		s.options.Progress(s.result)
	}
}

// guesses is how many probes go into the estimate each time that Progress is told.
const guesses = 4

// follow has the estimate be that of a tree with so many branches to come at each place
// of the path.
func (s *search) follow(o *outline, toCome func() []int) {
	if s.options.Estimate > 0 && s.options.Shard.Of < 2 && !s.minimising {
		s.outline, s.toCome = o, toCome
	}
}

// guess draws so many probes more, if the estimate is drawn, and puts it into the result.
// What has been visited is there for certain.
func (s *search) guess(probes int) {
	r := s.result
	switch {
	case s.minimising:
	case s.estimator != nil:
		s.estimator.probe(min(probes, s.options.Estimate-s.estimator.probes))
		r.Estimate = s.estimator.estimate()
		r.Estimate.Made = r.Executions
		r.Estimate.Traces = max(r.Estimate.Traces, float64(r.Executions))
	case s.outline != nil:
		r.Estimate = Estimate{Made: r.begun()}
		guess, err := s.outline.estimate(s.toCome())
		if s.outline.executions == 0 || err > mostDoubt*guess {
			return
		}
		before := float64(max(r.begun()-s.outline.executions, 0)) // with smaller bounds
		r.Estimate.Traces, r.Estimate.Error = before+guess, err
		r.Estimate.Probes, r.Estimate.Within = s.outline.executions, s.within
	}
}

// mostDoubt is how many times as large as the estimate the error may be. If it is larger
// nothing is known.
const mostDoubt = 10

// begun counts executions of all kinds.
func (r *Result) begun() int { return r.Executions + r.Blocked + r.Merged + r.Cut + r.Assumed }

// conclude makes the estimate exact if the search is complete, and otherwise as good
// as it may become.
func (s *search) conclude() {
	r := s.result
	switch {
	case r.Stopped != "" && s.ctx.Err() == nil:
		s.guess(s.options.Estimate)
	case r.Stopped != "":
		s.guess(0)
	case s.estimator != nil:
		r.Estimate = Estimate{Traces: float64(r.Executions), Probes: s.estimator.probes, Made: r.Executions}
	case s.outline != nil:
		r.Estimate = Estimate{Traces: float64(r.begun()), Probes: r.begun(), Made: r.begun()}
	}
}
