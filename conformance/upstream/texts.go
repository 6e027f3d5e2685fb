package main

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
)

type quantityCase struct {
	A string  `json:"a"`
	B *string `json:"b"`
}

type quantityAnswer struct {
	Error      string `json:"error,omitempty"`
	Canonical  string `json:"canonical,omitempty"`
	Format     string `json:"format,omitempty"`
	Compared   *int   `json:"compared,omitempty"`
	Sum        string `json:"sum,omitempty"`
	Difference string `json:"difference,omitempty"`
}

func quantity(c quantityCase) any {
	a, err := resource.ParseQuantity(c.A)
	if err != nil {
		return quantityAnswer{Error: err.Error()}
	}
	result := quantityAnswer{Canonical: a.String(), Format: string(a.Format)}
	if c.B == nil {
		return result
	}
	b, err := resource.ParseQuantity(*c.B)
	if err != nil {
		return result
	}
	compared := a.Cmp(b)
	sum, difference := a.DeepCopy(), a.DeepCopy()
	sum.Add(b)
	difference.Sub(b)
	result.Compared, result.Sum, result.Difference = &compared, sum.String(), difference.String()
	return result
}

type selectorCase struct {
	Type string              `json:"type"`
	Text string              `json:"text"`
	Sets []map[string]string `json:"sets"`
}

type selectorAnswer struct {
	Error   string  `json:"error,omitempty"`
	Shown   *string `json:"shown,omitempty"`
	Matches []bool  `json:"matches,omitempty"`
}

func selector(c selectorCase) any {
	var shown string
	var matches func(map[string]string) bool
	if c.Type == "label" {
		parsed, err := labels.Parse(c.Text)
		if err != nil {
			return selectorAnswer{Error: err.Error()}
		}
		shown, matches = parsed.String(), func(set map[string]string) bool { return parsed.Matches(labels.Set(set)) }
	} else {
		parsed, err := fields.ParseSelector(c.Text)
		if err != nil {
			return selectorAnswer{Error: err.Error()}
		}
		shown, matches = parsed.String(), func(set map[string]string) bool { return parsed.Matches(fields.Set(set)) }
	}
	result := selectorAnswer{Shown: &shown}
	for _, set := range c.Sets {
		result.Matches = append(result.Matches, matches(set))
	}
	return result
}

type textCase struct {
	Text string `json:"text"`
}

// nameRules are in the order of names.test.ts.
var nameRules = []func(string) []string{
	validation.IsDNS1123Label,
	validation.IsDNS1123Subdomain,
	validation.IsDNS1035Label,
	validation.IsQualifiedName,
	validation.IsValidLabelValue,
	validation.IsConfigMapKey,
	validation.IsEnvVarName,
	validation.IsRelaxedEnvVarName,
	validation.IsValidPortName,
	validation.IsWildcardDNS1123Subdomain,
	validation.IsCIdentifier,
	validation.IsHTTPHeaderName,
	validation.IsValidPercent,
}

func names(c textCase) any {
	errors := [][]string{}
	for _, rule := range nameRules {
		errors = append(errors, append([]string{}, rule(c.Text)...))
	}
	return map[string]any{"errors": errors}
}

type jsonAnswer struct {
	Error      string   `json:"error,omitempty"`
	Shown      string   `json:"shown,omitempty"`
	Duplicates []string `json:"duplicates,omitempty"`
}

func parseJSON(c textCase) any {
	var value any
	strict, err := kjson.UnmarshalStrict([]byte(c.Text), &value)
	if err != nil {
		return jsonAnswer{Error: err.Error()}
	}
	shown, err := json.Marshal(value)
	if err != nil {
		return jsonAnswer{Error: err.Error()}
	}
	result := jsonAnswer{Shown: string(shown)}
	for _, each := range strict {
		result.Duplicates = append(result.Duplicates, each.(kjson.FieldError).FieldPath())
	}
	return result
}
