package main

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"trapline/sim"
)

// recipeVersion is the version of the text forms of recipes. It changes when an
// old recipe would be read as something else.
const recipeVersion = "v1"

// recipe is all that is needed to do an execution again, and to see that it is
// the same. Its text form is
//
//	SCENARIO/DESIGN:v1:SCHEDULE:HASH
//
// where HASH is 16 hexadecimal digits, a fingerprint. Settings of the machine follow
// the version, see [settings].
type recipe struct {
	scenario, design string
	settings         settings
	schedule         sim.Schedule
	print            fingerprint
}

// fingerprint identifies an execution and the title of its violation, with 32
// bits each, so that one can tell which of the two has changed.
type fingerprint struct{ trace, title uint32 }

func fingerprintOf(hash uint64, title string) fingerprint {
	h := fnv.New32a()
	h.Write([]byte(title))
	return fingerprint{trace: uint32(hash>>32) ^ uint32(hash), title: h.Sum32()}
}

func (f fingerprint) String() string { return fmt.Sprintf("%08x%08x", f.trace, f.title) }

func parseFingerprint(text string) (fingerprint, error) {
	h, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) != 16 {
		return fingerprint{}, fmt.Errorf("hash %q: want 16 hexadecimal digits", text)
	}
	return fingerprint{uint32(h >> 32), uint32(h)}, nil
}

func (r recipe) String() string {
	return fmt.Sprintf("%s/%s:%s:%s:%s", r.scenario, r.design, r.settings.version(), r.schedule, r.print)
}

// parseRecipe reads the text form. The schedule may contain colons.
func parseRecipe(text string) (recipe, error) {
	var r recipe
	pair, rest, ok := strings.Cut(text, ":")
	version, rest, ok2 := strings.Cut(rest, ":")
	last := strings.LastIndexByte(rest, ':')
	if !ok || !ok2 || last < 0 {
		return r, fmt.Errorf("recipe %q: want SCENARIO/DESIGN:%s:SCHEDULE:HASH", shorten(text), recipeVersion)
	}
	var err error
	if r.settings, err = parseVersion(version); err != nil {
		return r, fmt.Errorf("recipe %q: %w", shorten(text), err)
	}
	if r.scenario, r.design, err = parsePair(pair); err != nil {
		return r, fmt.Errorf("recipe %q: %w", shorten(text), err)
	}
	if r.schedule, err = sim.ParseSchedule(rest[:last]); err != nil {
		return r, fmt.Errorf("recipe %q: %w", shorten(text), err)
	}
	if r.print, err = parseFingerprint(rest[last+1:]); err != nil {
		return r, fmt.Errorf("recipe %q: %w", shorten(text), err)
	}
	return r, nil
}

// parsePair splits SCENARIO/DESIGN.
func parsePair(text string) (scenario, design string, err error) {
	scenario, design, ok := strings.Cut(text, "/")
	if !ok || scenario == "" || design == "" || strings.ContainsAny(design, "/") {
		return "", "", fmt.Errorf("%q is not SCENARIO/DESIGN", shorten(text))
	}
	return scenario, design, nil
}

// shorten keeps a message on one line, however long what it quotes is.
func shorten(text string) string {
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}

// quote makes a word of a text for the user's shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// command is the command line that replays r on the text of a program.
func (r recipe) command(p program) string { return "trapline replay " + p.flags() + quote(r.String()) }

// flags names the program on a command line, with a blank at the end.
func (p program) flags() string {
	if p.builtin {
		return ""
	}
	return "--elf " + quote(p.elf) + " --symbol " + quote(p.symbol) + " "
}
