// completion: the script by which a shell completes layerbox's command lines. It asks the program
// itself (`__complete`), so that it is right for the program that is there, and small.
#include "cli/error_report.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

// Readline breaks words at ':' and '=' (COMP_WORDBREAKS), and replaces only what is behind the last
// of these: words are put together as the line has them, and candidates lose that part again.
constexpr std::string_view kBash =
    R"(# bash completion for layerbox:  source <(layerbox completion bash)
_layerbox() {
  local rest=$COMP_LINE word line i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $i -gt 1 && -n $rest && $rest != [[:space:]]* ]]; then
      words[${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    rest=${rest#"${rest%%[![:space:]]*}"}
    rest=${rest#"$word"}
  done
  word=${words[${#words[@]}-1]}
  local broken=${word%"${word##*[:=]}"}
  [[ -n $COMP_LINE && $COMP_WORDBREAKS == *[:=]* ]] || broken=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    line=${line%%$'\t'*}
    [[ $line == *: || $line == *= ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("${line#"$broken"}")
  done < <("${words[0]/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _layerbox layerbox
)";

constexpr std::string_view kZsh = R"(#compdef layerbox
# zsh completion for layerbox: put it into a directory of $fpath as _layerbox, or
#   source <(layerbox completion zsh)
_layerbox() {
  local line files=
  local -a values shown open
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=yes
      continue
    fi
    if [[ $line == *[:=] ]]; then
      open+=("$line")
      continue
    fi
    values+=("${line%%$'\t'*}")
    shown+=("${line/$'\t'/  -- }")
  done < <(${(Q)words[1]} __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( ${#values} )) && compadd -l -d shown -a values
  (( ${#open} )) && compadd -S '' -a open
  [[ -n $files ]] && _files
}
if [[ ${funcstack[1]} == _layerbox ]]; then
  _layerbox "$@"
else
  compdef _layerbox layerbox
fi
)";

constexpr std::string_view kFish = R"(# fish completion for layerbox:
#   layerbox completion fish >~/.config/fish/completions/layerbox.fish
function __layerbox_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    test (count $typed) -gt 0; or set typed ''
    for line in (command $words[1] __complete -- $words[2..-1] $typed 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path $typed
        else
            echo $line
        end
    end
end
complete -c layerbox -f -a '(__layerbox_complete)'
)";

class CompletionVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("The script asks the program for what may stand where: commands, options, their "
                 "values, and the names of images, containers, volumes and networks. It makes no "
                 "store and says nothing when there is none.");
    line.operand("SHELL", shell_, "bash, zsh or fish");
    line.example("source <(layerbox completion bash)",
                 "complete in this shell; a line of ~/.bashrc");
    line.example("layerbox completion zsh >~/.zfunc/_layerbox",
                 "in zsh, where ~/.zfunc is in $fpath before compinit");
    line.example("layerbox completion fish >~/.config/fish/completions/layerbox.fish", "in fish");
  }

  int run(Invocation&) override {
    if (shell_ == "bash")
      print(kBash);
    else if (shell_ == "zsh")
      print(kZsh);
    else if (shell_ == "fish")
      print(kFish);
    else
      throw UsageError("completion: there is no script for '" + shell_ + "'",
                       "it is one of bash, zsh, fish");
    return exit_code::kDone;
  }

 private:
  std::string shell_;
};

} // namespace

std::unique_ptr<Verb> make_completion_verb() {
  return std::make_unique<CompletionVerb>();
}

} // namespace layerbox
