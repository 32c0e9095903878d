// Command buildkit-reader answers which images BuildKit's own Dockerfile front-end would bring into a build, without building: thousands a second.
// It reads one JSON question a line and writes one JSON answer a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// question is a build. Bytes are base64.
type question struct {
	Dockerfile []byte            `json:"dockerfile"`
	BuildArgs  map[string]string `json:"buildArgs"`
	Target     string            `json:"target"`
	Platforms  []string          `json:"platforms"`
	// ONBUILD triggers by image name
	Triggers map[string][]string `json:"triggers"`
}

// answer names the images, and why the build would end early.
type answer struct {
	Images []string `json:"images"`
	Error  string   `json:"error"`
}

// resolver notes every image it is asked for; each exists.
type resolver struct {
	mutex    sync.Mutex
	triggers map[string][]string
	images   map[string]bool
}

func (r *resolver) note(image string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.images[image] = true
}

func (r *resolver) ResolveImageConfig(_ context.Context, image string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	r.note(image)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64",
		"os":           "linux",
		"config":       map[string]any{"Env": []string{"PATH=/bin"}, "OnBuild": r.triggers[image]},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{}},
	})
	return image, digest.FromBytes(config), config, err
}

func read(q question, found *resolver) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	if image, _, _, ok := parser.DetectSyntax(q.Dockerfile); ok {
		// the front-end reads the rest; most are this one in another version
		found.note(image)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	own := platforms.MustParse("linux/amd64")
	targets := []ocispecs.Platform{own}
	if len(q.Platforms) > 0 {
		if targets, err = platforms.ParseAll(q.Platforms); err != nil {
			return err
		}
	}
	for index := range targets {
		local := llb.Local("context")
		result, err := dockerfile2llb.Dockerfile2LLB(ctx, q.Dockerfile, dockerfile2llb.ConvertOpt{
			Config: dockerui.Config{
				BuildArgs:              q.BuildArgs,
				Target:                 q.Target,
				TargetPlatforms:        targets,
				BuildPlatforms:         []ocispecs.Platform{own},
				MultiPlatformRequested: len(targets) > 1,
			},
			MainContext:    &local,
			TargetPlatform: &targets[index],
			MetaResolver:   found,
		})
		if err != nil {
			return err
		}
		definition, err := result.State.Marshal(ctx)
		if err != nil {
			return err
		}
		for _, bytes := range definition.Def {
			var op pb.Op
			if op.UnmarshalVT(bytes) == nil && op.GetSource() != nil {
				if image, isImage := strings.CutPrefix(op.GetSource().Identifier, "docker-image://"); isImage {
					found.note(image)
				}
			}
		}
	}
	return nil
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		reply := answer{Images: []string{}}
		found := &resolver{images: map[string]bool{}}
		if err := json.Unmarshal(line, &q); err != nil {
			reply.Error = err.Error()
		} else {
			found.triggers = q.Triggers
			if err := read(q, found); err != nil {
				reply.Error = err.Error()
			}
		}
		for image := range found.images {
			reply.Images = append(reply.Images, image)
		}
		if output.Encode(reply) != nil {
			return
		}
	}
}
