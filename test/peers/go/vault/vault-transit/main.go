// Vault's transit engine, in memory, behind the requests of Vault's HTTP API that a client of the engine sends. The engine is Vault's own code;
// mounts, policies, seals and storage of Vault are not here, which take minutes to compile.
//
//	vault-transit TOKEN    listens on a free port of the loopback address and prints its URL
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const mount = "/v1/transit/"

type engine struct {
	backend logical.Backend
	storage logical.Storage
	token   string
}

func main() {
	config := logical.TestBackendConfig()
	config.StorageView = &logical.InmemStorage{}
	backend, err := transit.Backend(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	// The released SDK insists on this check for every path that creates something; the engine lacks it for one that is not asked here.
	for _, path := range backend.Paths {
		if path.ExistenceCheck == nil {
			path.ExistenceCheck = func(context.Context, *logical.Request, *framework.FieldData) (bool, error) { return false, nil }
		}
	}
	if err := backend.Setup(context.Background(), config); err != nil {
		log.Fatal(err)
	}
	if err := backend.Initialize(context.Background(), &logical.InitializationRequest{Storage: config.StorageView}); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, &engine{backend, config.StorageView, os.Args[1]}))
}

// ServeHTTP answers as Vault does: 403 without the token, `data` around what the engine says, 204 when it says nothing, 404 for what it does not know.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+e.token && r.Header.Get("X-Vault-Token") != e.token {
		answer(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	if r.URL.Path == "/v1/auth/token/lookup-self" {
		answer(w, http.StatusOK, map[string]any{"data": map[string]any{"policies": []string{"root"}}})
		return
	}
	path, isTransit := strings.CutPrefix(r.URL.Path, mount)
	if !isTransit {
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{"no handler for route"}})
		return
	}
	request := &logical.Request{Path: path, Storage: e.storage, Data: map[string]any{}}
	if err := e.fill(request, r); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"errors": []string{err.Error()}})
		return
	}
	response, err := e.backend.HandleRequest(r.Context(), request)
	status, content := described(request, response, err)
	answer(w, status, content)
}

func (e *engine) fill(request *logical.Request, r *http.Request) error {
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("list") == "true":
		request.Operation = logical.ListOperation
		request.Path += "/"
	case r.Method == http.MethodGet:
		request.Operation = logical.ReadOperation
	case r.Method == http.MethodDelete:
		request.Operation = logical.DeleteOperation
	default:
		request.Operation = logical.UpdateOperation
		if r.ContentLength != 0 {
			if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 32<<20)).Decode(&request.Data); err != nil {
				return err
			}
		}
		checker, hasCheck, err := e.backend.HandleExistenceCheck(r.Context(), request)
		if err != nil {
			return err
		}
		if hasCheck && !checker {
			request.Operation = logical.CreateOperation
		}
	}
	return nil
}

func described(request *logical.Request, response *logical.Response, err error) (int, map[string]any) {
	if errors.Is(err, logical.ErrUnsupportedPath) || errors.Is(err, logical.ErrUnsupportedOperation) {
		return http.StatusNotFound, map[string]any{"errors": []string{err.Error()}}
	}
	if status, failure := logical.RespondErrorCommon(request, response, err); failure != nil {
		return status, map[string]any{"errors": []string{failure.Error()}}
	} else if status == http.StatusNotFound {
		return status, map[string]any{"errors": []string{}}
	}
	if response == nil || (response.Data == nil && len(response.Warnings) == 0) {
		return http.StatusNoContent, nil
	}
	return http.StatusOK, map[string]any{"data": response.Data, "warnings": response.Warnings}
}

func answer(w http.ResponseWriter, status int, content map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if content != nil {
		_ = json.NewEncoder(w).Encode(content)
	}
}
