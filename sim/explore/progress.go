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

// guess draws so many probes more, and puts the estimate into the result. What has
// been visited is there for certain.
func (s *search) guess(probes int) {
	if s.estimator == nil || s.minimising {
		return
	}
	s.estimator.probe(min(probes, s.options.Estimate-s.estimator.probes))
	s.result.Estimate = s.estimator.estimate()
	s.result.Estimate.Traces = max(s.result.Estimate.Traces, float64(s.result.Executions))
}

// conclude makes the estimate exact if the search is complete, and otherwise as good
// as it may become.
func (s *search) conclude() {
	switch {
	case s.estimator == nil:
	case s.result.Stopped == "":
		s.result.Estimate = Estimate{Traces: float64(s.result.Executions), Probes: s.estimator.probes}
	case s.ctx.Err() == nil:
		s.guess(s.options.Estimate)
	default:
		s.guess(0)
	}
}
