#include "cli/verbs.hpp"

#include <array>

namespace layerbox {
namespace {

constexpr std::string_view kImages = "Images";
constexpr std::string_view kContainers = "Containers";
constexpr std::string_view kVolumes = "Volumes";
constexpr std::string_view kNetworks = "Networks";
constexpr std::string_view kStore = "The store";

constexpr auto kVerbs = std::to_array<VerbEntry>({
    {"pull-tar", "import images from an archive, a directory or standard input", kImages,
     make_pull_tar_verb},
    {"images", "list the images", kImages, make_images_verb},
    {"inspect", "show everything known about images or containers", kImages, make_inspect_verb},
    {"history", "show the steps that made an image", kImages, make_history_verb},
    {"save", "write images as an archive", kImages, make_save_verb},
    {"squash", "make one layer of all that an image has", kImages, make_squash_verb},
    {"tag", "give an image another name", kImages, make_tag_verb},
    {"rmi", "remove images or their names", kImages, make_rmi_verb},
    {"run", "run a command in a new container", kContainers, make_run_verb},
    {"create", "make a container that is started later", kContainers, make_create_verb},
    {"start", "run containers that were made before", kContainers, make_start_verb},
    {"stop", "ask running containers to end", kContainers, make_stop_verb},
    {"restart", "end containers, and start them again", kContainers, make_restart_verb},
    {"kill", "send running containers a signal", kContainers, make_kill_verb},
    {"pause", "stop all processes of containers where they are", kContainers, make_pause_verb},
    {"unpause", "let paused containers go on", kContainers, make_unpause_verb},
    {"wait", "wait until containers have ended", kContainers, make_wait_verb},
    {"attach", "show a detached container in this terminal", kContainers, make_attach_verb},
    {"logs", "show what a detached container wrote", kContainers, make_logs_verb},
    {"rename", "give a container another name", kContainers, make_rename_verb},
    {"exec", "run one more command in a running container", kContainers, make_exec_verb},
    {"ps", "list the containers", kContainers, make_ps_verb},
    {"top", "show the processes of a running container", kContainers, make_top_verb},
    {"stats", "show what running containers use", kContainers, make_stats_verb},
    {"rm", "remove containers", kContainers, make_rm_verb},
    {"diff", "show what a container changed, or how two images differ", kContainers,
     make_diff_verb},
    {"commit", "make an image of a container", kContainers, make_commit_verb},
    {"snapshot", "keep a container's files as they are now", kContainers, make_snapshot_verb},
    {"rollback", "go back to a snapshot of a container", kContainers, make_rollback_verb},
    {"fork", "make a container of another one's files", kContainers, make_fork_verb},
    {"convert", "let a container go on with another backend", kContainers, make_convert_verb},
    {"export", "write a root file system as a tar", kContainers, make_export_verb},
    {"cp", "copy files into a container, out of it, or to another one", kContainers, make_cp_verb},
    {"mount", "put the root file system of an image or a container at a directory", kContainers,
     make_mount_verb},
    {"umount", "take it away from there", kContainers, make_umount_verb},
    {"volume create", "make a volume", kVolumes, make_volume_create_verb},
    {"volume ls", "list the volumes", kVolumes, make_volume_ls_verb},
    {"volume inspect", "show everything known about volumes", kVolumes, make_volume_inspect_verb},
    {"volume rm", "remove volumes", kVolumes, make_volume_rm_verb},
    {"volume prune", "remove the volumes that no container uses", kVolumes, make_volume_prune_verb},
    {"network create", "make a network", kNetworks, make_network_create_verb},
    {"network ls", "list the networks", kNetworks, make_network_ls_verb},
    {"network inspect", "show everything known about networks", kNetworks,
     make_network_inspect_verb},
    {"network rm", "remove networks", kNetworks, make_network_rm_verb},
    {"network prune", "remove the networks that no container uses", kNetworks,
     make_network_prune_verb},
    {"events", "show what happens to containers, images, volumes and networks", kStore,
     make_events_verb},
    {"layers", "list the layers of the store", kStore, make_layers_verb},
    {"du", "show what takes the space, and what nothing uses", kStore, make_du_verb},
    {"fsck", "check everything in the store against its digests, and repair it", kStore,
     make_fsck_verb},
    {"prune", "remove what nothing uses, or was not used for long", kStore, make_prune_verb},
    {"tree", "show which layer each byte comes from, and which are wasted", kStore, make_tree_verb},
    {"bench", "compare the backends on this machine", kStore, make_bench_verb},
    {"info", "show the settings and what this machine can do", kStore, make_info_verb},
    {"doctor", "say whether containers can run here, and what is missing", kStore,
     make_doctor_verb},
    {"completion", "print the script by which a shell completes command lines", kStore,
     make_completion_verb},
    // For those scripts.
    {"__complete", "print what may stand at the end of a command line", "", make_complete_verb},
    // For packagers: the manual pages of the program that is built.
    {"__man", "print the manual page of a command", "", make_man_verb},
});

} // namespace

std::span<const VerbEntry> verbs() {
  return kVerbs;
}

const VerbEntry* find_verb(std::string_view name) {
  for (const VerbEntry& entry : kVerbs)
    if (entry.name == name) return &entry;
  return nullptr;
}

std::vector<std::string> verbs_of_family(std::string_view family) {
  std::vector<std::string> words;
  const std::string beginning = std::string(family) + ' ';
  for (const VerbEntry& entry : kVerbs)
    if (entry.name.starts_with(beginning)) words.emplace_back(entry.name.substr(beginning.size()));
  return words;
}

void declare_common(CommandLine& line, CommonOptions& common) {
  line.group("Everywhere");
  line.text("--root", common.root, "DIR", "the store's directory");
  line.flag("--quiet", common.quiet, "no progress and no notes on standard error");
}

void declare_all(CommandLine& line, Verb& verb, CommonOptions& common) {
  verb.declare(line);
  declare_common(line, common);
}

} // namespace layerbox
