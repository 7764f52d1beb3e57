
    $said = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.Extent.Text.Trim("'", '"') })
    $root = @()
    for ($i = 0; $i -lt $said.Count - 1; $i++) {
        if ($said[$i] -cin '-C', '--root') { $root = @('-C', $said[$i + 1]) }
    }
    $kind = $null
    foreach ($word in $said) {
        $kind = switch ($word) {
            { $_ -in 'eval', 'render', 'run', 'diff', 'log', 'promote', 'rollback' } { 'prompts' }
            'calibrate' { 'suites' }
            'retrieve' { 'retrievals' }
        }
        if ($kind) { break }
    }
    if ($kind -and -not $wordToComplete.StartsWith('-')) {
        llmops @root __complete $kind 2>$null | Where-Object { $_.StartsWith($wordToComplete) } | ForEach-Object {
            $text = if ($_ -match '^[\w./-]+$') { $_ } else { "'" + $_.Replace("'", "''") + "'" }
            [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
        }
    }
