/**
 * What a shell has to be told. The scripts ask `wxpay __complete` and never evaluate what has been typed: pressing TAB must not run
 * a `$(…)` that somebody is only half-way through writing.
 */

export type Shell = 'bash' | 'zsh' | 'fish' | 'powershell';
export const shells: readonly Shell[] = ['bash', 'zsh', 'fish', 'powershell'];

const bash = `# wxpay completion for bash (3.2 and later)
_wxpay() {
  local answer kind line
  COMPREPLY=()
  answer=$(wxpay __complete bash "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null) || return 0
  kind=\${answer%%$'\\n'*}
  if [[ $kind == :files ]]; then
    type compopt >/dev/null 2>&1 && compopt -o filenames
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]#=}")
    return 0
  fi
  while IFS= read -r line; do
    [[ -n $line ]] && COMPREPLY+=("$line")
  done <<<"\${answer#*$'\\n'}"
}
complete -F _wxpay wxpay
`;

const zsh = `#compdef wxpay
# wxpay completion for zsh
_wxpay() {
  local -a answer values
  local line
  answer=("\${(@f)$(wxpay __complete zsh "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${answer[1]} == :files ]]; then
    _files
    return
  fi
  for line in "\${(@)answer[2,-1]}"; do
    [[ -n $line ]] && values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe 'wxpay' values
}
(( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit; }
compdef _wxpay wxpay
`;

const fish = `# wxpay completion for fish
function __wxpay_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (wxpay __complete fish $words[2..-1] "$current" 2>/dev/null)
    if test "$answer[1]" = ':files'
        __fish_complete_path "$current"
        return
    end
    for line in $answer[2..-1]
        echo $line
    end
end
complete -c wxpay -e
complete -c wxpay -f -a '(__wxpay_complete)'
`;

const powershell = `# wxpay completion for PowerShell
Register-ArgumentCompleter -Native -CommandName wxpay -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    $answer = @(wxpay __complete powershell @words "$wordToComplete" 2>$null)
    if ($answer[0] -eq ':files') { return }
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $value, $description = $_ -split "\`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };

/** The script that a shell sources. It holds nothing of this machine. */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}
