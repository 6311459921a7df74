package main

import (
	"slices"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	names := []string{"2006-readpage-hook", "readpage-returns-before-uptodate", "unregister-against-readpage", "hook", "hoop"}
	for _, c := range []struct{ wrote, want string }{
		{"2006-readpage-hok", `did you mean "2006-readpage-hook"? `},
		{"unregister-against-redpage", `did you mean "unregister-against-readpage"? `},
		{"before-uptodate", `did you mean "readpage-returns-before-uptodate"? `},
		{"hoo", `did you mean "hook"? `},
		{"nothing-like-it", ""},
		{"", ""},
	} {
		if got := didYouMean(c.wrote, names); got != c.want {
			t.Errorf("didYouMean(%q) = %q, want %q", c.wrote, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	c := fakeCatalogue()
	_, pairs, err := c.open("", "")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{
		"lost-wakeup/2001-careful", "lost-wakeup/2002-careless", "lost-wakeup/2003-liar",
		"nothing-happens/2001-careful", "nothing-happens/2002-careless", "nothing-happens/2003-liar",
	}
	for _, test := range []struct{ args, want []string }{
		{nil, all},
		{[]string{"lost-wakeup"}, all[:3]},
		{[]string{"2003-liar"}, []string{all[2], all[5]}},
		{[]string{"nothing-happens/2001-careful", "lost-wakeup/2003-liar", "nothing-happens/2001-careful"}, all[2:4]},
	} {
		chosen, err := c.choose(pairs, test.args)
		if err != nil {
			t.Errorf("%v: %v", test.args, err)
		}
		var got []string
		for _, p := range chosen {
			got = append(got, p.name())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: got %v, want %v", test.args, got, test.want)
		}
	}
}
