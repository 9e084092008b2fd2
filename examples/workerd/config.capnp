# workerd serve config.capnp
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);

const main :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [
    (name = "worker.js", esModule = embed "dist/worker.js"),
    (name = "lanewise-single-simd.wasm", wasm = embed "dist/lanewise-single-simd.wasm"),
    (name = "lanewise-single-simd-training.wasm", wasm = embed "dist/lanewise-single-simd-training.wasm"),
    (name = "lanewise-single-simd-rare.wasm", wasm = embed "dist/lanewise-single-simd-rare.wasm"),
    (name = "lanewise-single-relaxed.wasm", wasm = embed "dist/lanewise-single-relaxed.wasm"),
    (name = "lanewise-single-relaxed-training.wasm", wasm = embed "dist/lanewise-single-relaxed-training.wasm"),
    (name = "lanewise-single-relaxed-rare.wasm", wasm = embed "dist/lanewise-single-relaxed-rare.wasm"),
    (name = "model5.onnx", data = embed "dist/model5.onnx"),
  ],
);
