#!/usr/bin/env escript
%% An SSH server of Erlang's ssh: user "interop", a password. Prints its port.
%%
%% erlang_ssh.escript PASSWORD TERMINAL DIR [rekey]: TERMINAL is the path of terminal.py, DIR has the
%% host key, `rekey` asks for new keys every MiB. The command "output N" is N bytes from the library
%% itself.
-module(erlang_ssh).
-mode(compile).
-behaviour(ssh_server_channel).
-export([main/1, init/1, handle_msg/2, handle_ssh_msg/2, terminate/2]).

-record(state, {helper, conn, channel, term = "dumb", cols = 80, rows = 24, port, tty}).

main([Password, Helper, Dir | Rest]) ->
    %% What is logged goes to stdout otherwise.
    ok = logger:remove_handler(default),
    {ok, _} = application:ensure_all_started(ssh),
    Rekey = case Rest of ["rekey"] -> [{rekey_limit, {infinity, 1024 * 1024}}]; [] -> [] end,
    {ok, Daemon} = ssh:daemon({127, 0, 0, 1}, 0, [
        {system_dir, Dir}, {user_dir, Dir},
        {auth_methods, "password"}, {user_passwords, [{"interop", Password}]},
        {ssh_cli, {?MODULE, [Helper]}} | Rekey]),
    {ok, Info} = ssh:daemon_info(Daemon),
    io:format("~p~n", [proplists:get_value(port, Info)]),
    receive stop -> ok end.

init([Helper]) -> {ok, #state{helper = Helper}}.

handle_ssh_msg({ssh_cm, Conn, {pty, Channel, Reply, {Term, Cols, Rows, _, _, _}}}, State) ->
    ssh_connection:reply_request(Conn, Reply, success, Channel),
    {ok, State#state{term = Term, cols = Cols, rows = Rows}};
handle_ssh_msg({ssh_cm, Conn, {env, Channel, Reply, _, _}}, State) ->
    ssh_connection:reply_request(Conn, Reply, failure, Channel),
    {ok, State};
handle_ssh_msg({ssh_cm, Conn, {shell, Channel, Reply}}, State) ->
    handle_ssh_msg({ssh_cm, Conn, {exec, Channel, Reply, "sh"}}, State);
handle_ssh_msg({ssh_cm, Conn, {exec, Channel, Reply, Command}}, State) ->
    ssh_connection:reply_request(Conn, Reply, success, Channel),
    case string:lexemes(unicode:characters_to_list(Command), " ") of
        ["output", Count] ->
            ssh_connection:send(Conn, Channel, binary:copy(<<"x">>, list_to_integer(Count))),
            finish(Conn, Channel, 0),
            {ok, State};
        _ ->
            #state{helper = Helper, term = Term, cols = Cols, rows = Rows} = State,
            Args = [Helper, Term, integer_to_list(Cols), integer_to_list(Rows), Command],
            Port = open_port({spawn_executable, os:find_executable("python3")},
                             [{args, Args}, binary, stream, exit_status, use_stdio]),
            {ok, State#state{conn = Conn, channel = Channel, port = Port, tty = <<>>}}
    end;
handle_ssh_msg({ssh_cm, _, {window_change, _, Cols, Rows, _, _}}, State = #state{tty = {tty, Tty}}) ->
    os:cmd(io_lib:format("stty -F ~s cols ~b rows ~b", [Tty, Cols, Rows])),
    {ok, State};
handle_ssh_msg({ssh_cm, _, {window_change, _, Cols, Rows, _, _}}, State) ->
    {ok, State#state{cols = Cols, rows = Rows}};
handle_ssh_msg({ssh_cm, _, {data, _, _, Data}}, State = #state{port = Port}) when is_port(Port) ->
    port_command(Port, Data),
    {ok, State};
handle_ssh_msg(_, State) ->
    {ok, State}.

%% The first line is the terminal's name.
handle_msg({Port, {data, Data}}, State = #state{port = Port, tty = Head}) when is_binary(Head) ->
    case binary:split(<<Head/binary, Data/binary>>, <<"\n">>) of
        [Tty, Output] ->
            ssh_connection:send(State#state.conn, State#state.channel, Output),
            {ok, State#state{tty = {tty, Tty}}};
        [Part] ->
            {ok, State#state{tty = Part}}
    end;
handle_msg({Port, {data, Data}}, State = #state{port = Port}) ->
    ssh_connection:send(State#state.conn, State#state.channel, Data),
    {ok, State};
handle_msg({Port, {exit_status, Status}}, State = #state{port = Port}) ->
    finish(State#state.conn, State#state.channel, Status),
    {ok, State};
handle_msg(_, State) ->
    {ok, State}.

finish(Conn, Channel, Status) ->
    ssh_connection:exit_status(Conn, Channel, Status),
    ssh_connection:send_eof(Conn, Channel),
    ssh_connection:close(Conn, Channel).

terminate(_, _) -> ok.
