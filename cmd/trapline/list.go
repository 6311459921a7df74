package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trapline/probes/uprobes/defects"
)

func (a *app) listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the designs and the scenarios, with what is claimed of them",
		Args:  arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			a.list()
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "defects",
		Short: "Explain what the kernel's uprobes do wrong, and --kernel fixed does not",
		Args:  arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			a.listDefects()
			return nil
		},
	})
	return cmd
}

func (a *app) listDefects() {
	for i, d := range defects.All {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintf(a.stdout, "%s\n", d.Name)
		entry(a.stdout, 2, "", d.Title)
		entry(a.stdout, 2, "", d.About)
		entry(a.stdout, 2, "in ", d.Where)
	}
}

func (a *app) list() {
	w := a.stdout
	fmt.Fprintf(w, "DESIGNS\n")
	for _, d := range a.catalogue.designs {
		fmt.Fprintf(w, "\n%s\n", d.name)
		entry(w, 2, "", d.title)
		entry(w, 2, "from: ", d.from)
		if len(d.order) > 0 {
			entry(w, 2, "claimed lock order: ", strings.Join(d.order, " > "))
		}
		if len(d.fails) == 0 {
			entry(w, 2, "", "claimed to be clean in every scenario")
			continue
		}
		entry(w, 2, "", "known failures; claimed to be clean in every other scenario:")
		for i, f := range d.fails {
			if i == 0 || f.scenario != d.fails[i-1].scenario {
				entry(w, 4, "", f.scenario)
			}
			entry(w, 6, "", f.title)
			why := f.why
			if f.only != "" {
				why += " (only with " + f.only + ")"
			}
			entry(w, 8, "", why)
		}
	}
	fmt.Fprintf(w, "\nSCENARIOS\n")
	for _, s := range a.catalogue.scenarios {
		fmt.Fprintf(w, "\n%s\n", s.name)
		entry(w, 2, "", s.asks)
		entry(w, 2, "from: ", s.from)
	}
}

// entry writes a text, if there is one, as an indented paragraph of at most 88
// characters a line.
func entry(w io.Writer, indent int, label, text string) {
	if text != "" {
		fill(w, indent, indent+2, label+text)
	}
}

// fill writes a text as a paragraph, with an indent of its first line and one of the
// others.
func fill(w io.Writer, indent, others int, text string) {
	line := strings.Repeat(" ", indent)
	fresh := true
	for word := range strings.FieldsSeq(text) {
		if !fresh && len(line)+1+len(word) > 88 {
			fmt.Fprintln(w, line)
			line, fresh = strings.Repeat(" ", others), true
		}
		if !fresh {
			line += " "
		}
		line, fresh = line+word, false
	}
	fmt.Fprintln(w, line)
}
