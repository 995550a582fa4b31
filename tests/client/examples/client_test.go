// The page's example on the vectors: VECTORS=FOLDER WITHOUT=name,... go test
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"
)

type step struct {
	Connect   *Position
	Hear      *Message
	Violation string
}

type vector struct {
	Steps []step
	Then  struct {
		Nodes, Edges []Object
		Position     *Position
		Complete     bool
	}
}

func texts(objects []Object) []string {
	found := []string{}
	for _, each := range objects {
		text, _ := json.Marshal(each)
		found = append(found, string(text))
	}
	sort.Strings(found)
	return found
}

func values(objects map[string]Object) []Object {
	found := []Object{}
	for _, each := range objects {
		found = append(found, each)
	}
	return found
}

func follow(t *testing.T, v vector) {
	g := &Graph{}
	for number, step := range v.Steps {
		if step.Hear == nil {
			if since := g.Connect(); !reflect.DeepEqual(since, step.Connect) {
				t.Fatalf("step %d resumes from %v", number, since)
			}
		} else if _, err := g.Apply(*step.Hear); (err != nil) != (step.Violation != "") {
			t.Fatalf("step %d: %v", number, err)
		} else if err != nil {
			g.Position = nil
			g.Connect()
		}
	}
	then := v.Then
	if got := texts(values(g.Nodes)); !reflect.DeepEqual(got, texts(then.Nodes)) {
		t.Error("nodes", got)
	}
	if got := texts(values(g.Edges)); !reflect.DeepEqual(got, texts(then.Edges)) {
		t.Error("edges", got)
	}
	if g.due == then.Complete || then.Complete && *g.Position != *then.Position {
		t.Error("position", g.Position)
	}
}

func TestVectors(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("VECTORS"), "*.json"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.Contains(","+os.Getenv("WITHOUT")+",", ","+name+",") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v vector
			if err := json.Unmarshal(text, &v); err != nil {
				t.Fatal(err)
			}
			follow(t, v)
		})
	}
}
