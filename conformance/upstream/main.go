// Command upstream answers test cases with Kubernetes' own code. Its argument
// says of what: it reads one case per line of standard input and answers each
// with a line. regenerate.ts feeds it the cases of packages/kube's testdata.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// answers has, for each kind of case, what makes an answer of one line.
var answers = map[string]func(line []byte) (any, error){
	"strategic-merge": answer(strategicMerge),
	"json-patch":      answer(jsonPatch),
	"merge-patch":     answer(mergePatch),
	"quantities":      answer(quantity),
	"selectors":       answer(selector),
	"names":           answer(names),
	"json":            answer(parseJSON),
	"schemas":         answer(schemas),
	"apply":           answer(applySteps),
	"field-sets":      answer(fieldSets),
}

func answer[Case any](of func(Case) any) func([]byte) (any, error) {
	return func(line []byte) (any, error) {
		var c Case
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, err
		}
		return of(c), nil
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 || answers[os.Args[1]] == nil {
		return fmt.Errorf("usage: upstream strategic-merge|json-patch|merge-patch|quantities|selectors|names|json|schemas|apply|field-sets")
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 16<<20)
	output := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for input.Scan() {
		result, err := answers[os.Args[1]](input.Bytes())
		if err != nil {
			return err
		}
		if err := encoder.Encode(result); err != nil {
			return err
		}
	}
	if err := input.Err(); err != nil {
		return err
	}
	return output.Flush()
}

// recovered turns a panic of upstream's code into an error's text.
func recovered(text *string) {
	if r := recover(); r != nil {
		*text = fmt.Sprint("panic: ", r)
	}
}
