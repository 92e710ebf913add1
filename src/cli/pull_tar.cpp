// pull-tar: imports what an archive, a directory or standard input holds.
#include <fmt/format.h>

#include "cli/enter_user_namespace.hpp"
#include "cli/error_report.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "cli/words.hpp"
#include "layers/import_image.hpp"
#include "layers/oci/platform.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

SourceType source_type(const std::string& word) {
  if (word == "rootfs") return SourceType::rootfs;
  if (word == "docker-archive") return SourceType::docker_archive;
  return word == "oci" ? SourceType::oci : SourceType::automatic;
}

class PullTarVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "SOURCE is a plain tar of a root file system, an archive as docker, podman and "
        "skopeo save it, an archive or directory in OCI layout, or '-' for standard input. "
        "Its kind and compression (gzip, zstd, xz, bzip2, lz4 or none) are found from its "
        "content. Every digest is verified; what fails imports nothing.\n\n"
        "Prints one line an image: its id, a tab, and a name, or <none>.");
    line.operand("SOURCE", source_, "a file, a directory in OCI layout, or -");
    line.list("--name", names_, "REF", "name the image; may be given more than once");
    line.text("--type", type_, "KIND", "auto, rootfs, docker-archive or oci")
        .choices({"auto", "rootfs", "docker-archive", "oci"});
    line.list("--select", options_.select, "REF", "import only this image of the source");
    line.text("--platform", options_.platform, "OS/ARCH", "of several, the image for this machine");
    declare_config(line);
    declare_limits(line);
    line.example("layerbox pull-tar --name debian:12 rootfs.tar.zst", "import a root file system");
    line.example("docker save app:1 | layerbox pull-tar -", "import what docker has");
    line.example("layerbox pull-tar --name tool --entrypoint /bin/tool rootfs.tar",
                 "say what the image runs");
  }

  int run(Invocation& invocation) override {
    complete_options();
    // Opened outside, where the store's owner is the user; its database is opened inside.
    Store& store = invocation.store();
    return in_store_namespace(invocation.identity(), [&] { return import(invocation, store); });
  }

 private:
  void declare_config(CommandLine& line) {
    line.group("For a plain root file system");
    line.text("--entrypoint", entrypoint_, "WORDS", "the program and its first arguments");
    line.text("--cmd", cmd_, "WORDS", "the default arguments; WORDS may be a JSON array");
    line.list("-e,--env", options_.config.env, "K=V", "a variable");
    line.text("-w,--workdir", options_.config.workdir, "DIR", "the working directory");
    line.text("-u,--user", options_.config.user, "USER[:GROUP]", "who runs the command");
    line.list("-l,--label", labels_, "K=V", "a label");
  }

  void declare_limits(CommandLine& line) {
    ImportLimits& limits = options_.limits;
    line.group("Limits, of which the larger take k, m, g and t");
    line.size("--max-entries", limits.max_entries, "N", "entries of a layer (10000000)");
    line.size("--max-bytes", limits.max_bytes, "SIZE", "unpacked bytes of a layer (1t)");
    line.number("--max-ratio", limits.max_ratio, "N", "unpacked to compressed (2000)");
    line.number("--max-depth", limits.max_depth, "N", "components of a path (1000)");
    line.number("--max-xattr-bytes", limits.max_xattr_bytes, "N", "one extended attribute (65536)");
    line.number("--max-xattrs", limits.max_xattrs, "N", "extended attributes of a file (256)");
    line.size("--max-pax-bytes", limits.max_pax_bytes, "SIZE", "headers of an entry (1m)");
    line.number("--max-layers", limits.max_layers, "N", "layers of an image (500)");
    line.size("--max-document-bytes", limits.max_document_bytes, "SIZE", "a JSON document (8m)");
  }

  // What `parse` throws of a flag's value is a usage error.
  template <typename F> static void of_usage(const char* flag, F&& parse) {
    try {
      parse();
    } catch (const Error& error) {
      throw UsageError(fmt::format("pull-tar: {}: {}", flag, error.what()));
    }
  }

  void complete_options() {
    options_.type = source_type(type_);
    for (const std::string& name : names_)
      of_usage("--name", [&] { options_.names.push_back(ImageRef::parse(name)); });
    if (!options_.platform.empty())
      of_usage("--platform", [&] { Platform::parse(options_.platform); });
    if (!options_.config.workdir.empty() && options_.config.workdir.front() != '/')
      throw UsageError(
          fmt::format("pull-tar: --workdir: '{}' is not absolute", options_.config.workdir));
    if (entrypoint_) options_.config.entrypoint = command_words(*entrypoint_);
    if (cmd_) options_.config.cmd = command_words(*cmd_);
    for (const std::string& variable : options_.config.env)
      if (variable.find('=') == std::string::npos || variable.front() == '=')
        throw UsageError(fmt::format("pull-tar: --env: '{}' is not K=V", variable));
    for (const std::string& label : labels_) {
      const std::size_t equals = label.find('=');
      if (equals == 0 || label.empty())
        throw UsageError(fmt::format("pull-tar: --label: '{}' is not K=V", label));
      options_.config.labels.emplace_back(
          label.substr(0, equals), equals == std::string::npos ? "" : label.substr(equals + 1));
    }
  }

  int import(Invocation& invocation, Store& store) {
    store.sweep();
    const std::vector<ImportedImage> images =
        import_images(store, source_, options_, invocation.progress());
    std::string lines;
    std::vector<Event> events;
    const auto tell = [&](const Digest& id, const std::string& name) {
      lines += fmt::format("{}\t{}\n", id.str(), name.empty() ? "<none>" : name);
      events.push_back(named_event("image", "pull", id.str(), name));
    };
    for (const ImportedImage& image : images) {
      if (image.names.empty()) tell(image.id, "");
      for (const std::string& name : image.names)
        tell(image.id, name);
    }
    record_events(store.root(), events);
    print(lines);
    return exit_code::kDone;
  }

  std::string source_;
  std::string type_ = "auto";
  std::vector<std::string> names_;
  std::vector<std::string> labels_;
  std::optional<std::string> entrypoint_;
  std::optional<std::string> cmd_;
  ImportOptions options_;
};

} // namespace

std::unique_ptr<Verb> make_pull_tar_verb() {
  return std::make_unique<PullTarVerb>();
}

} // namespace layerbox
