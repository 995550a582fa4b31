// Reads a graph by what oapi-codegen made of the document, and a message of the stream.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	client, err := NewClientWithResponses(os.Args[1])
	check(err)
	pods := KindParameter{"Pod"}
	answer, err := client.GraphWithResponse(context.Background(), &GraphParams{Kind: &pods})
	check(err)
	var said WsMessage
	check(json.Unmarshal([]byte(os.Args[2]), &said))
	message, err := said.ValueByDiscriminator()
	check(err)
	bookmark := message.(Bookmark)
	fmt.Println(len(answer.JSON200.Nodes), answer.JSON200.Seq, bookmark.Seq)
}
