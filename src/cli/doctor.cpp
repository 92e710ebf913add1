// doctor: whether containers can run here for this user, what they cannot have, and how to get it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/rel_path.hpp"
#include "cli/doctor/judgement.hpp"
#include "cli/doctor/probe.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

using doctor::Finding;
using Json = nlohmann::ordered_json;

Json document(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings)
    list.push_back({{"check", finding.check},
                    {"state", state_word(finding.state)},
                    {"what", finding.what},
                    {"how", finding.how}});
  return list;
}

std::string text_of(const std::vector<Finding>& findings) {
  constexpr const char* kIndent = "                          ";
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {:<16} {}\n", state_word(finding.state), finding.check,
                        printable(finding.what));
    if (!finding.how.empty()) text += fmt::format("{}→ {}\n", kIndent, printable(finding.how));
  }
  return text + (can_run_containers(findings) ? "containers can run here\n"
                                              : "containers cannot run here\n");
}

class DoctorVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Each check is tried as containers do it, for the user who asks and the store that he "
        "would use; nothing is left of it, and no store is made. 'limited' is what some containers "
        "want and cannot have, 'missing' what is not there at all. The last check, 'container', is "
        "a whole container: the exit status is 0 when it has run, and 1 when containers cannot "
        "run.\n\n"
        "The JSON document is an array of objects: check (a stable name), state (ok, limited or "
        "missing), what (was found, and what it means), how (to get it; empty when all is well). "
        "docs/doctor.md tells of each check.");
    format_.declare(line);
    line.example("layerbox doctor", "see why a container does not start");
    line.example("layerbox doctor --format json | jq -r '.[] | select(.state == \"missing\").how'",
                 "see only what to do");
  }

  int run(Invocation& invocation) override {
    const std::vector<Finding> findings =
        judge(doctor::probe(invocation.identity(), invocation.settings()));
    if (format_.json())
      print_json(document(findings));
    else
      print(text_of(findings));
    return can_run_containers(findings) ? exit_code::kDone : exit_code::kFailed;
  }

 private:
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_doctor_verb() {
  return std::make_unique<DoctorVerb>();
}

} // namespace layerbox
